// The penumbra command. Exit codes: 0 ok, 1 failure, 2 usage, 3 integrity, 4 attestation, 5
// unsupported model (docs/json_schema.md has the documents of --json).
#include <csignal>
#include <cstdio>
#include <iostream>
#include <vector>

#include "verbs.h"

namespace penumbra::cli {
namespace {

constexpr int kUsage = 2;

void AddGlobals(CLI::App* app, Globals* globals) {
  app->add_option("--log-level", globals->log_level, "least important lines to log")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app->add_option("--log-format", globals->log_format, "how log lines look")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app->add_flag("--json", globals->json, "print one JSON document on standard output");
  app->add_flag("--quiet", globals->quiet, "log errors only");
  app->add_flag("--no-progress", globals->no_progress, "no progress bar");
}

int RunVerb(const Verb& verb, const Globals& globals) {
  const Console console(globals);
  try {
    verb.run(console);
    return 0;
  } catch (const Error& error) {
    console.Failure(verb.command->get_name(), error.code(), error.message());
    return static_cast<int>(error.error_class());
  }
}

int Main(int argc, char** argv) {
  // A write beyond a file-size limit becomes an error that is reported like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app("Protects neural networks: weights stay inside a trusted execution environment.",
               "penumbra");
  app.set_version_flag("--version", BuildVersion().penumbra);
  app.require_subcommand(1);
  app.fallthrough();
  Globals globals;
  AddGlobals(&app, &globals);
  const std::vector<Verb> verbs{AddProtect(&app), AddInspect(&app), AddRun(&app),
                                AddCompare(&app), AddBench(&app),   AddProfile(&app),
                                AddOps(&app),     AddKeygen(&app),  AddVerify(&app),
                                AddVersion(&app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  for (const Verb& verb : verbs) {
    if (verb.command->parsed()) return RunVerb(verb, globals);
  }
  return kUsage;
}

}  // namespace
}  // namespace penumbra::cli

int main(int argc, char** argv) {
  try {
    return penumbra::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
