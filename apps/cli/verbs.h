// One function per verb: adds its subcommand to the program and returns what runs it after parsing.
// The options live in the returned closure.
#ifndef PENUMBRA_CLI_VERBS_H_
#define PENUMBRA_CLI_VERBS_H_

#include <CLI/CLI.hpp>
#include <functional>

#include "console.h"

namespace penumbra::cli {

struct Verb {
  CLI::App* command;
  std::function<void(const Console&)> run;  // throws penumbra::Error
};

Verb AddProtect(CLI::App* app);
Verb AddInspect(CLI::App* app);
Verb AddRun(CLI::App* app);
Verb AddCompare(CLI::App* app);
Verb AddBench(CLI::App* app);
Verb AddProfile(CLI::App* app);
Verb AddOps(CLI::App* app);
Verb AddKeygen(CLI::App* app);
Verb AddVerify(CLI::App* app);
Verb AddVersion(CLI::App* app);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_VERBS_H_
