// Folders of samples: pictures, .npy arrays or .npz archives, sorted into one subfolder per class where labels
// matter.
#ifndef PENUMBRA_MEDIA_DATASET_H_
#define PENUMBRA_MEDIA_DATASET_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "media/array.h"
#include "media/preprocess.h"

namespace penumbra::media {

struct Sample {
  std::filesystem::path path;
  int label = -1;  // index into Dataset::classes; -1: directly in the data set's folder
};

struct Dataset {
  std::vector<Sample> samples;       // class by class in turn, so that any prefix has every class
  std::vector<std::string> classes;  // names of the folders that hold samples, sorted
};

// Walks `folder` and everything under it for .npy, .npz, .jpg, .jpeg and .png files; a sample's class is
// the folder it lies in. Other files, hidden ones, and symbolic links to folders are passed over.
// Throws MediaError: kNotFound, kPermission, kIo; kInvalidArgument when it holds no sample.
Dataset ListDataset(const std::filesystem::path& folder);

// By its ending.
bool IsImagePath(const std::filesystem::path& path);
bool IsArchivePath(const std::filesystem::path& path);

// A picture or a .npy array. A picture needs `preprocess` (kInvalidArgument without). Throws what ReadNpy,
// ReadImage and Apply throw, naming the file.
Array ReadSample(const std::filesystem::path& path, const std::optional<Preprocess>& preprocess);

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_DATASET_H_
