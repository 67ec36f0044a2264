#include "media/dataset.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <system_error>

#include "media/error.h"
#include "media/image.h"
#include "media/npy.h"

namespace penumbra::media {
namespace {

namespace fs = std::filesystem;

std::string LowerExtension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

Status StatusOf(const std::error_code& code) {
  if (code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory) {
    return Status::kNotFound;
  }
  return code == std::errc::permission_denied ? Status::kPermission : Status::kIo;
}

void Require(const std::error_code& code, const fs::path& folder) {
  if (code)
    throw MediaError(StatusOf(code), "cannot read the folder: " + code.message(), folder.string());
}

// Sample paths by class folder; "" for the data set's own folder.
std::map<std::string, std::vector<fs::path>> Collect(const fs::path& folder) {
  std::map<std::string, std::vector<fs::path>> by_class;
  std::error_code code;
  fs::recursive_directory_iterator walk(folder, code);
  Require(code, folder);
  while (walk != fs::recursive_directory_iterator()) {
    const fs::path& path = walk->path();
    const bool hidden = path.filename().string().starts_with('.');
    if (hidden) walk.disable_recursion_pending();
    std::error_code ignored;  // a file that went away meanwhile is no sample
    const bool wanted = !hidden && (LowerExtension(path) == ".npy" || IsArchivePath(path) || IsImagePath(path));
    if (wanted && walk->is_regular_file(ignored)) {
      by_class[walk.depth() == 0 ? "" : path.parent_path().filename().string()].push_back(path);
    }
    const fs::path last = path;
    walk.increment(code);
    Require(code, last);
  }
  return by_class;
}

}  // namespace

bool IsImagePath(const fs::path& path) {
  const std::string extension = LowerExtension(path);
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

bool IsArchivePath(const fs::path& path) { return LowerExtension(path) == ".npz"; }

Dataset ListDataset(const fs::path& folder) {
  auto by_class = Collect(folder);
  if (by_class.empty()) {
    throw MediaError(Status::kInvalidArgument, "no sample in the folder", folder.string(),
                     "put .npy, .npz, .jpg or .png files there");
  }
  Dataset dataset;
  std::vector<std::pair<int, std::vector<fs::path>>> groups;
  for (auto& [name, paths] : by_class) {
    std::ranges::sort(paths);
    groups.emplace_back(name.empty() ? -1 : static_cast<int>(dataset.classes.size()), paths);
    if (!name.empty()) dataset.classes.push_back(name);
  }
  bool any = true;
  for (size_t turn = 0; any; ++turn) {
    any = false;
    for (const auto& [label, paths] : groups) {
      if (turn >= paths.size()) continue;
      dataset.samples.push_back({paths[turn], label});
      any = true;
    }
  }
  return dataset;
}

Array ReadSample(const fs::path& path, const std::optional<Preprocess>& preprocess) {
  if (!IsImagePath(path)) return ReadNpy(path);
  if (!preprocess) {
    throw MediaError(Status::kInvalidArgument, "a picture needs a preprocessing", path.string(),
                     "give --preprocess to protect, or run with a .npy array");
  }
  try {
    return Apply(*preprocess, ReadImage(path));
  } catch (const MediaError& error) {
    throw error.where().find(path.string()) == std::string::npos ? error.In(path.string()) : error;
  }
}

}  // namespace penumbra::media
