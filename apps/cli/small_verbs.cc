// ops, keygen, version: little more than a call each.
#include <filesystem>
#include <memory>

#include "arguments.h"
#include "verbs.h"

namespace penumbra::cli {

Verb AddOps(CLI::App* app) {
  CLI::App* command = app->add_subcommand("ops", "list the operators a model may use");
  return {command, [](const Console& console) {
            Json list = Json::array();
            std::vector<Row> rows{{"ONNX operator", "opset", "notes", "protect"}};
            for (const OperatorInfo& op : SupportedOperators()) {
              list.push_back({{"name", op.name},
                              {"min_opset", op.min_opset},
                              {"max_opset", op.max_opset},
                              {"notes", op.notes},
                              {"protect", op.protection}});
              rows.push_back({op.name,
                              std::to_string(op.min_opset) + ".." + std::to_string(op.max_opset),
                              op.notes, op.protection});
            }
            Json tflite_list = Json::array();
            std::vector<Row> tflite_rows{{"TFLite operator", "version", "becomes", "notes"}};
            for (const TfliteOperatorInfo& op : SupportedTfliteOperators()) {
              tflite_list.push_back({{"name", op.name},
                                     {"max_version", op.max_version},
                                     {"becomes", op.becomes},
                                     {"notes", op.notes}});
              tflite_rows.push_back(
                  {op.name, "1.." + std::to_string(op.max_version), op.becomes, op.notes});
            }
            console.Result("ops", {{"operators", list}, {"tflite_operators", tflite_list}},
                           Table(rows) + "\n" + Table(tflite_rows));
          }};
}

namespace {

void WritePublic(const std::string& kind, const std::string& from, const std::string& path,
                 const Console& console) {
  if (kind != "device") ThrowUsage("--from is for device keys; 'openssl pkey -pubout' does it for a vendor's");
  std::filesystem::path public_path = path.empty() ? from : path;
  if (path.empty()) public_path.replace_extension(".pub");
  WriteDevicePublicKey(from, public_path);
  const Json document{
      {"kind", kind}, {"private_key", from}, {"public_key", public_path.string()}};
  console.Result("keygen", document, Table({{"public key", public_path.string()}}));
}

}  // namespace

Verb AddKeygen(CLI::App* app) {
  CLI::App* command = app->add_subcommand("keygen", "make a key pair");
  command->description(
      "make a key pair: a vendor signs bundles, a device opens them. Writes FILE (keep it secret) "
      "and beside it "
      "the public key, ending in .pub. With --from nothing new is made: the public key of a device's "
      "private key is written, with the key that verifies its receipts.");
  auto kind = std::make_shared<std::string>();
  auto path = std::make_shared<std::string>();
  auto from = std::make_shared<std::string>();
  command->add_option("kind", *kind, "vendor or device")
      ->required()
      ->check(CLI::IsMember({"vendor", "device"}));
  command->add_option("-o,--output", *path,
                      "private key file; default: KIND.key in the current folder. With --from: the "
                      "public key file; default: FILE with .pub");
  command->add_option("--from", *from, "private key file of the device to write the public file of");
  return {command, [kind, path, from](const Console& console) {
            if (!from->empty()) return WritePublic(*kind, *from, *path, console);
            const auto which = *kind == "vendor" ? KeyKind::kVendor : KeyKind::kDevice;
            const KeyFiles files = GenerateKeys(which, path->empty() ? *kind + ".key" : *path);
            const Json document{{"kind", *kind},
                                {"private_key", files.private_path.string()},
                                {"public_key", files.public_path.string()}};
            console.Result("keygen", document,
                           Table({{"private key", files.private_path.string(), "(keep it secret)"},
                                  {"public key", files.public_path.string()}}));
          }};
}

namespace {

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

}  // namespace

Verb AddVersion(CLI::App* app) {
  CLI::App* command = app->add_subcommand("version", "print the versions of this build's parts");
  return {command, [](const Console& console) {
            const Version version = BuildVersion();
            const Json document{{"penumbra", version.penumbra},
                                {"bundle_format", version.bundle_format},
                                {"plan_format", version.plan_format},
                                {"compiler", version.compiler},
                                {"accelerators", version.accelerators},
                                {"absent_accelerators", version.absent_accelerators}};
            std::vector<Row> rows{{"penumbra", version.penumbra},
                                  {"bundle format", version.bundle_format},
                                  {"plan format", version.plan_format},
                                  {"compiler", version.compiler},
                                  {"accelerators", Joined(version.accelerators)}};
            if (!version.absent_accelerators.empty()) {
              rows.push_back({"not in this build", Joined(version.absent_accelerators)});
            }
            console.Result("version", document, Table(rows));
          }};
}

}  // namespace penumbra::cli
