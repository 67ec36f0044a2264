#include "paper_numbers.h"

namespace penumbra::cli {
namespace {

constexpr double kNo = kNotPrinted;

constexpr SoterRow kSoterRows[] = {
    {"mlp", 0.19, 0.05, 0.01, 0.03, 0.28, 0.27, 2.24, 2.18, 2.72, kNo},
    {"alexnet", 1.65, 0.71, 0.18, 0.34, 2.88, 2.33, 3.21, 2.59, 13.80, kNo},
    {"vgg19", 25.38, 14.24, 0.83, 4.56, 45.01, 43.7, 10.54, 10.32, 24.71, 10.23},
    {"resnet152", 92.18, 33.97, 25.98, 14.75, 153.88, 146.56, 13.26, 12.58, 16.04, kNo},
    {"densenet121", 41.65, 13.71, 5.60, 6.02, 62.97, 58.63, 5.64, 5.35, 7.05, kNo},
    {"transformer", 439.52, 204.93, 41.52, 73.77, 759.74, 633.12, 13.58, 11.31, 36.08, kNo},
};

constexpr SoterSweep kSoterSweeps[] = {
    {"vgg19", 1, {113, 107, 88, 65, 39, 9.8}},
    {"vgg19", 6, {443, 461, 399, 295, 235, 77}},
    {"transformer", 1, {1373, 1158, 1035, 889, 800, 556}},
};

constexpr ShadowNetRow kShadowNetRows[] = {
    {"mobilenet-v1", 17, 20, .175, 37, 252, 61, 48},
    {"resnet44-cifar", 2.43, 2.92, .029, 3.3, 30, 10, 5},
    {"resnet404-cifar", 24.71, 29.79, .23, 29.73, 281, kNo, kNo},
    {"yolov4-tiny", 22.56, 27.11, .79, 40.53, 451, kNo, kNo},
    {"minivgg", 20, 24, 0, 2, 5, 44, 4},
    {"lstm", kNo, kNo, kNo, kNo, 8, kNo, kNo},  // 33 ms became 41
};

}  // namespace

std::span<const SoterRow> SoterRows() { return kSoterRows; }
std::span<const SoterSweep> SoterSweeps() { return kSoterSweeps; }
std::span<const ShadowNetRow> ShadowNetRows() { return kShadowNetRows; }

}  // namespace penumbra::cli
