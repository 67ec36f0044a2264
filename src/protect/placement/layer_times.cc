#include "protect/placement/layer_times.h"

namespace penumbra::protect {
namespace {

double OutputCount(const ConvGeometry& g) { return static_cast<double>(g.out_h) * g.out_w * g.out_c; }
double InputCount(const ConvGeometry& g) { return static_cast<double>(g.in_h) * g.in_w * g.in_c; }

}  // namespace

uint64_t MacCount(const ConvGeometry& g) {
  return uint64_t{g.out_h} * g.out_w * g.out_c * FilterLength(g);
}

double InsideSeconds(const DeviceProfile& profile, const ConvGeometry& g, InsideForm form,
                     uint32_t piece_count) {
  const bool is_float = form == InsideForm::kFloat32;
  const PerKernel& rates = is_float                    ? profile.trusted_float32
                             : form == InsideForm::kInt8 ? profile.trusted_int8
                                                         : profile.trusted_int16;
  const double element_size = is_float ? 4 : form == InsideForm::kInt8 ? 1 : 2;
  const double weights = static_cast<double>(FilterLength(g)) * g.out_c * piece_count * element_size;
  return static_cast<double>(MacCount(g)) * piece_count / rates.Of(g) +
         OutputCount(g) * (is_float ? profile.float32_element : profile.integer_element).Of(g) +
         weights / profile.weight_rate;
}

double OutsideSeconds(const DeviceProfile& profile, const ResidueLayer& layer) {
  const ConvGeometry& g = layer.published;
  const double multiplications = static_cast<double>(MacCount(g)) * layer.prime_count;
  const double masked = InputCount(g) * layer.prime_count;
  const double replies = OutputCount(g) * layer.prime_count;
  double seconds = profile.hand_off + multiplications / profile.public_residue.Of(g) +
                   replies * profile.residue_element.Of(g) + (masked + replies) * profile.residue_byte;
  if (layer.check_macs != 0) {
    seconds += profile.check_layer + static_cast<double>(layer.check_macs) / profile.check_rate + (masked + replies) * profile.check_byte;
  }
  if (layer.pad_size == 0) return seconds;
  seconds += profile.pad_layer + (static_cast<double>(layer.pad_size) + masked) / profile.pad_rate;
  return seconds + profile.PadShare() * multiplications / profile.pad.Of(g);
}

double OutsideSeconds(const DeviceProfile& profile, const ConvGeometry& g) {
  return static_cast<double>(MacCount(g)) / profile.public_float32.Of(g);
}

double SpillSeconds(const DeviceProfile& profile, double bytes) { return 2 * bytes / profile.weight_rate; }

}  // namespace penumbra::protect
