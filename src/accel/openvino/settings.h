// How OpenVINO is asked to run a float32 model.
#ifndef PENUMBRA_ACCEL_OPENVINO_SETTINGS_H_
#define PENUMBRA_ACCEL_OPENVINO_SETTINGS_H_

#include <openvino/runtime/properties.hpp>

namespace penumbra::openvino {

// Without these a processor that has bfloat16 would be used at that precision, and threads would be tied to
// processors behind the host's back.
inline ov::AnyMap Settings(uint32_t threads) {
  return {ov::hint::inference_precision(ov::element::f32),
          ov::hint::execution_mode(ov::hint::ExecutionMode::ACCURACY),
          ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
          ov::hint::enable_cpu_pinning(false),
          ov::num_streams(1),
          ov::inference_num_threads(static_cast<int32_t>(threads))};
}

}  // namespace penumbra::openvino

#endif  // PENUMBRA_ACCEL_OPENVINO_SETTINGS_H_
