// ops, keygen, version: little more than a call each.
#include <memory>

#include "verbs.h"

namespace penumbra::cli {

Verb AddOps(CLI::App* app) {
  CLI::App* command = app->add_subcommand("ops", "list the ONNX operators a model may use");
  return {command, [](const Console& console) {
            Json list = Json::array();
            std::vector<Row> rows{{"operator", "opset", "notes", "protect"}};
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
            console.Result("ops", {{"operators", list}}, Table(rows));
          }};
}

Verb AddKeygen(CLI::App* app) {
  CLI::App* command = app->add_subcommand("keygen", "make a key pair");
  command->description(
      "make a key pair: a vendor signs bundles, a device opens them. Writes FILE (keep it secret) "
      "and beside it "
      "the public key, ending in .pub.");
  auto kind = std::make_shared<std::string>();
  auto path = std::make_shared<std::string>();
  command->add_option("kind", *kind, "vendor or device")
      ->required()
      ->check(CLI::IsMember({"vendor", "device"}));
  command->add_option("-o,--output", *path,
                      "private key file; default: KIND.key in the current folder");
  return {command, [kind, path](const Console& console) {
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

Verb AddVersion(CLI::App* app) {
  CLI::App* command = app->add_subcommand("version", "print the versions of this build's parts");
  return {command, [](const Console& console) {
            const Version version = BuildVersion();
            std::string accelerators;
            for (const std::string& name : version.accelerators) {
              accelerators.append(accelerators.empty() ? "" : ", ").append(name);
            }
            const Json document{{"penumbra", version.penumbra},
                                {"bundle_format", version.bundle_format},
                                {"plan_format", version.plan_format},
                                {"compiler", version.compiler},
                                {"accelerators", version.accelerators}};
            console.Result("version", document,
                           Table({{"penumbra", version.penumbra},
                                  {"bundle format", version.bundle_format},
                                  {"plan format", version.plan_format},
                                  {"compiler", version.compiler},
                                  {"accelerators", accelerators}}));
          }};
}

}  // namespace penumbra::cli
