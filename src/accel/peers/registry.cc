#include "accel/peers/registry.h"

#ifdef PENUMBRA_HAVE_ONEDNN
#include "accel/peers/linear_peer.h"
#endif
#ifdef PENUMBRA_HAVE_OPENVINO
#include "accel/peers/openvino_peer.h"
#endif

namespace penumbra::peers {
namespace {

using Maker = std::unique_ptr<Runtime> (*)(const Request& request);

struct Entry {
  Kind kind;
  Maker make;  // null: not in this build
};

#ifdef PENUMBRA_HAVE_OPENVINO
constexpr std::string_view kOpenvinoRemedy;
template <bool int8>
constexpr Maker kOpenvino = [](const Request& r) { return MakeOpenvinoPeer(r.model, r.inputs, int8, r.threads); };
#else
constexpr std::string_view kOpenvinoRemedy = "build again with 'make openvino'";
template <bool int8>
constexpr Maker kOpenvino = nullptr;
#endif

#ifdef PENUMBRA_HAVE_ONEDNN
constexpr std::string_view kOnednnRemedy;
template <Precision precision>
std::unique_ptr<Runtime> MakeLinear(const Request& r) {
  if (r.blobs == nullptr) throw PeerError(Status::kInvalidArgument, "linear layers are read from a plain bundle");
  return std::make_unique<LinearPeer>(r.segments, *r.blobs, precision, r.threads);
}
constexpr Maker kFloat32 = MakeLinear<Precision::kFloat32>, kWinograd = MakeLinear<Precision::kWinograd>,
                kBfloat16 = MakeLinear<Precision::kBfloat16>, kInt8 = MakeLinear<Precision::kInt8>;
#else
constexpr std::string_view kOnednnRemedy = "install oneDNN and build again";
constexpr Maker kFloat32 = nullptr, kWinograd = nullptr, kBfloat16 = nullptr, kInt8 = nullptr;
#endif

constexpr Entry kEntries[] = {
    {{"openvino", "float32", true, kOpenvinoRemedy}, kOpenvino<false>},
    {{"openvino-int8", "int8", true, kOpenvinoRemedy}, kOpenvino<true>},
    {{"onednn-f32", "float32", false, kOnednnRemedy}, kFloat32},
    {{"onednn-winograd", "float32", false, kOnednnRemedy}, kWinograd},
    {{"onednn-bf16", "bfloat16", false, kOnednnRemedy}, kBfloat16},
    {{"onednn-int8", "int8", false, kOnednnRemedy}, kInt8},
};

}  // namespace

std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  for (const Entry& entry : kEntries) kinds.push_back(entry.kind);
  return kinds;
}

std::unique_ptr<Runtime> Make(std::string_view name, const Request& request) {
  for (const Entry& entry : kEntries) {
    if (entry.kind.name != name) continue;
    if (entry.make != nullptr) return entry.make(request);
    throw PeerError(Status::kNotFound,
                    "peer '" + std::string(name) + "' is not in this build: " + std::string(entry.kind.remedy));
  }
  throw PeerError(Status::kNotFound, "no peer is called '" + std::string(name) + "'");
}

}  // namespace penumbra::peers
