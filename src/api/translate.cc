#include "api/translate.h"

#include <filesystem>
#include <new>
#include <system_error>

#include "host/error.h"
#include "media/error.h"
#include "model/error.h"

namespace penumbra::api {
namespace {

Status StatusOf(const std::error_code& code) {
  if (code == std::errc::no_such_file_or_directory) return Status::kNotFound;
  if (code == std::errc::permission_denied || code == std::errc::read_only_file_system) {
    return Status::kPermission;
  }
  return code == std::errc::no_space_on_device ? Status::kNoSpace : Status::kIo;
}

// HostError's text starts with the code that Error adds itself.
std::string WithoutCode(const std::string& what, Status status) {
  const std::string prefix = host::StatusCode(status) + ": ";
  return what.starts_with(prefix) ? what.substr(prefix.size()) : what;
}

}  // namespace

void Throw(Status status, const std::string& message) {
  throw Error(static_cast<uint32_t>(status), message);
}

void Rethrow() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const host::HostError& error) {
    Throw(error.status(), WithoutCode(error.what(), error.status()));
  } catch (const model::ModelError& error) {
    Throw(error.status(), error.what());
  } catch (const media::MediaError& error) {
    Throw(error.status(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    Throw(StatusOf(error.code()), error.code().message() + " [" + error.path1().string() + "]");
  } catch (const std::bad_alloc&) {
    Throw(Status::kOutOfMemory, "memory ran out; close other programs or use a smaller model");
  } catch (const std::exception& error) {
    Throw(Status::kInternal, std::string("internal error: ") + error.what() + "; please report it");
  }
}

}  // namespace penumbra::api
