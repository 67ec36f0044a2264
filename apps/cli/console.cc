#include "console.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>

namespace penumbra::cli {
namespace {

constexpr int kSchema = 1;

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

void SetUpLog(const Globals& globals) {
  auto logger = spdlog::get("penumbra");
  if (logger == nullptr) logger = spdlog::stderr_color_mt("penumbra");
  logger->set_pattern(globals.log_format == "json" ? "%v" : "%^%l%$: %v");
  logger->set_level(globals.quiet ? spdlog::level::err
                                  : spdlog::level::from_str(globals.log_level));
  spdlog::set_default_logger(std::move(logger));
}

void Write(bool as_json, LogLevel level, const std::string& line) {
  const auto spd_level = LevelOf(level);
  if (!as_json) return spdlog::log(spd_level, "{}", line);
  const auto name = spdlog::level::to_string_view(spd_level);
  const Json object{{"level", std::string(name.data(), name.size())}, {"message", line}};
  spdlog::log(spd_level, "{}", object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

Console::Console(const Globals& globals)
    : globals_(globals),
      progress_(!globals.no_progress && !globals.quiet && isatty(STDERR_FILENO) != 0),
      env_({.log = [as_json = globals.log_format == "json"](
                       LogLevel level, const std::string& line) { Write(as_json, level, line); },
            .config_folder = {}}) {
  SetUpLog(globals);
}

void Console::Log(LogLevel level, const std::string& line) const {
  EndProgress();
  Write(globals_.log_format == "json", level, line);
}

void Console::Result(const std::string& verb, const Json& document, const std::string& text) const {
  EndProgress();
  if (!globals_.json) {
    std::cout << text << std::flush;
    return;
  }
  Json whole{{"schema", kSchema}, {"verb", verb}};
  whole.update(document);
  std::cout << whole.dump(2, ' ', false, Json::error_handler_t::replace) << std::endl;
}

void Console::Failure(const std::string& verb, const std::string& code,
                      const std::string& message) const {
  Log(LogLevel::kError, code + ": " + message);
  if (globals_.json) Result(verb, {{"error", {{"code", code}, {"message", message}}}}, "");
}

void Console::Progress(const std::string& what, double done) const {
  if (!progress_) return;
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(std::clamp(done, 0.0, 1.0) * kWidth);
  const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                          std::string(static_cast<size_t>(kWidth - filled), '.');
  std::fprintf(stderr, "\r\033[K%-10s [%s]", what.c_str(), bar.c_str());
}

void Console::EndProgress() const {
  if (progress_) std::fputs("\r\033[K", stderr);
}

std::string Table(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  std::vector<bool> numbers;  // of each column: every cell below the head starts with a digit
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    numbers.resize(widths.size(), rows.size() > 1);
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
      const bool digit =
          !row[i].empty() && std::isdigit(static_cast<unsigned char>(row[i][0])) != 0;
      if (&row != &rows.front() && !digit) numbers[i] = false;
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      line += (i == 0 ? "" : "  ") + (numbers[i] ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape)
    text.append(text.empty() ? "" : "x").append(std::to_string(extent));
  return text.empty() ? "scalar" : text;
}

std::string SizeText(uint64_t size) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  auto value = static_cast<double>(size);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return Fixed(value, unit == 0 ? 0 : 2) + " " + kUnits[unit];
}

std::string IntegrityText(uint32_t soundness_bits, const FingerprintInfo& fingerprints) {
  if (soundness_bits != 0) {
    return "freivalds; a wrong reply passes with probability at most 2^-" + std::to_string(soundness_bits);
  }
  if (fingerprints.count == 0) return "replies are not checked";
  const bool fixed = fingerprints.cornerstones == 1;
  return std::to_string(fingerprints.count) + (fixed ? " fixed" : "") + " fingerprint" +
         (fingerprints.count == 1 ? "" : "s") + " beside each request, compared at a rate of " +
         Fixed(fingerprints.challenge_rate, 4) + "; " + std::to_string(fingerprints.cornerstones) +
         " sealed cornerstones a segment, " + SizeText(fingerprints.cornerstones_size);
}

Json FingerprintsJson(const FingerprintInfo& fingerprints) {
  if (fingerprints.count == 0) return nullptr;
  return {{"fingerprints", fingerprints.count},
          {"cornerstones", fingerprints.cornerstones},
          {"challenge_rate", fingerprints.challenge_rate},
          {"cornerstone_bytes", fingerprints.cornerstones_size},
          {"macs", fingerprints.macs}};
}

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string NumberText(const Json& json, int digits) { return json.is_number() ? Fixed(json.get<double>(), digits) : "-"; }

Json PortsJson(const std::vector<TensorInfo>& ports) {
  Json list = Json::array();
  for (const TensorInfo& port : ports) {
    list.push_back({{"name", port.name},
                    {"type", TensorTypeName(port.type)},
                    {"shape", port.shape}});
  }
  return list;
}

}  // namespace penumbra::cli
