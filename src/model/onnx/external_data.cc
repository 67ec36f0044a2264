#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "model/error.h"
#include "model/onnx/tensor_reader.h"

namespace penumbra::model {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const std::string& location, const std::string& why) {
  throw ModelError(Status::kPermission, "external data '" + location + "' " + why, {},
                   "keep external data files in the folder of the model");
}

fs::path Confine(const fs::path& folder, const std::string& location) {
  const fs::path relative(location);
  if (folder.empty()) Refuse(location, "is not allowed for a model that is not read from a file");
  if (location.empty() || location.find('\0') != std::string::npos)
    Refuse(location, "has no usable name");
  if (relative.is_absolute()) Refuse(location, "is an absolute path");
  for (const fs::path& part : relative) {
    if (part == "..") Refuse(location, "climbs out of the folder of the model");
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error)
    throw ModelError(Status::kIo, "cannot open the folder of the model: " + error.message());
  const fs::path file = fs::canonical(root / relative, error);
  if (error) {
    throw ModelError(Status::kNotFound,
                     "external data '" + location + "' cannot be opened: " + error.message(), {},
                     "copy the file next to the model");
  }
  const fs::path inside = file.lexically_relative(root);
  if (inside.empty() || *inside.begin() == "..")
    Refuse(location, "is a link that leaves the folder of the model");
  if (!fs::is_regular_file(file)) Refuse(location, "is not a regular file");
  return file;
}

}  // namespace

std::vector<std::byte> ReadExternalData(const std::filesystem::path& folder,
                                        const std::string& location, int64_t offset, size_t size) {
  const fs::path file = Confine(folder, location);
  std::error_code error;
  const uintmax_t file_size = fs::file_size(file, error);
  if (error) throw ModelError(Status::kIo, "external data '" + location + "': " + error.message());
  if (static_cast<uintmax_t>(offset) > file_size ||
      size > file_size - static_cast<uintmax_t>(offset)) {
    throw ModelError(Status::kTruncated,
                     "external data needs " + std::to_string(size) +
                         " bytes but the file has only " + std::to_string(file_size),
                     {.file = location, .file_offset = offset});
  }
  std::vector<std::byte> bytes(size);
  std::ifstream in(file, std::ios::binary);
  in.seekg(offset);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in)
    throw ModelError(Status::kIo, "cannot read external data",
                     {.file = location, .file_offset = offset});
  return bytes;
}

}  // namespace penumbra::model
