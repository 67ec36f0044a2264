#include "model/onnx/import.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "model/onnx/graph_builder.h"
#include "model/onnx/tensor_reader.h"
#include "model/onnx/wire.h"

namespace penumbra::model {
namespace {

// A file mapped for reading; pages of a large model come and go as the parser passes.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) Fail(path, errno);
    struct stat info = {};
    const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    size_ = regular ? static_cast<size_t>(info.st_size) : 0;
    if (size_ > 0) data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int error = regular ? errno : EISDIR;
    close(fd);
    if (!regular || data_ == MAP_FAILED) Fail(path, error);
  }
  ~MappedFile() {
    if (data_ != nullptr) munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  [[noreturn]] static void Fail(const std::filesystem::path& path, int error) {
    throw ModelError(error == ENOENT ? Status::kNotFound : Status::kIo,
                     std::string("cannot read the model: ") + std::strerror(error),
                     {.file = path.string()}, "name an ONNX file that you may read");
  }

  void* data_ = nullptr;
  size_t size_ = 0;
};

ImportedModel Import(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                     const ImportOptions& options) {
  try {
    const onnx::ModelProto proto = ParseModel(bytes);
    TensorReader reader(folder);
    ImportedModel model;
    model.opset = GraphBuilder::DefaultOpset(proto.opset_import());
    model.producer = proto.producer_name();
    model.graph = GraphBuilder(proto, &reader).Build(options);
    for (DataType type : reader.converted()) {
      model.notes.push_back("tensors of " + std::string(DataTypeName(type)) +
                            " are computed as float32");
    }
    return model;
  } catch (const std::bad_alloc&) {
    throw ModelError(Status::kOutOfMemory, "not enough memory to read the model");
  }
}

std::string ListOf(const std::vector<ErrorPlace>& places) {
  std::string list;
  for (const ErrorPlace& place : places) {
    list += (list.empty() ? "" : "; ") + place.op + " (node '" + place.node + "', opset " +
            std::to_string(place.opset) + ")";
  }
  return list;
}

}  // namespace

UnsupportedOperators::UnsupportedOperators(std::vector<ErrorPlace> places)
    : ModelError(Status::kUnsupported, "unsupported operators: " + ListOf(places), {},
                 "`penumbra ops` lists those that are supported"),
      places_(std::move(places)) {}

ImportedModel ImportOnnxFile(const std::filesystem::path& path, const ImportOptions& options) {
  const MappedFile file(path);
  try {
    return Import(file.bytes(), std::filesystem::absolute(path).parent_path(), options);
  } catch (const UnsupportedOperators&) {
    throw;
  } catch (const ModelError& error) {
    throw error.At({.file = path.string()});
  }
}

ImportedModel ImportOnnxBytes(std::span<const std::byte> bytes, const ImportOptions& options) {
  return Import(bytes, {}, options);
}

Tensor ReadOnnxTensor(std::span<const std::byte> bytes) {
  onnx::TensorProto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw ModelError(Status::kMalformed, "the bytes are not an ONNX tensor");
  }
  return TensorReader({}).Read(proto);
}

}  // namespace penumbra::model
