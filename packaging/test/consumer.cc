// Loads a bundle and prints the names of its ports: consumer BUNDLE
#include <penumbra/penumbra.h>
#include <penumbra/penumbra_c.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2 || penumbra_c_api_version() != PENUMBRA_C_API_VERSION) return 2;
  try {
    const penumbra::Session session(penumbra::Env(), argv[1]);
    std::cout << session.inputs().front().name << " -> " << session.outputs().front().name << "\n";
    return 0;
  } catch (const penumbra::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
