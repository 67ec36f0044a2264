// Protects a classifier on one machine and classifies pictures with it, in C++.
//
//   run_image MODEL.onnx CALIBRATION_FOLDER PICTURE...
#include <penumbra/penumbra.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: run_image MODEL.onnx CALIBRATION_FOLDER PICTURE...\n";
    return 2;
  }
  try {
    const penumbra::Env env(
        {.log = [](penumbra::LogLevel, const std::string& line) { std::cerr << line << "\n"; },
         .config_folder = {}});
    const auto bundle = std::filesystem::temp_directory_path() / "run_image.penumbra";
    penumbra::Protect(env, argv[1], bundle,
                      {.preset = "enclave", .calibration = argv[2], .preprocess = "cifar10"});
    penumbra::Session session(env, bundle);
    const std::string input = session.inputs().front().name,
                      output = session.outputs().front().name;
    for (int i = 3; i < argc; ++i) {
      const auto scores =
          session.Run({{input, penumbra::ReadSample(argv[i], session.preprocess())}});
      const auto& values = scores.at(output).values;
      const auto best = std::ranges::max_element(values) - values.begin();
      std::cout << argv[i] << ": " << session.labels().at(static_cast<size_t>(best)) << "\n";
    }
    std::filesystem::remove(bundle);
    return 0;
  } catch (const penumbra::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.error_class());
  }
}
