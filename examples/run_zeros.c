/* Runs a bundle on zeros through the C interface and prints its first scores.
 *
 *   run_zeros BUNDLE
 */
#include <penumbra/penumbra_c.h>
#include <stdio.h>
#include <stdlib.h>

/* Prints and releases a failure. */
static int failed(penumbra_status* status) {
  if (status == NULL) return 0;
  fprintf(stderr, "%s\n", penumbra_status_text(status));
  penumbra_status_free(status);
  return 1;
}

static int run(penumbra_session* session) {
  penumbra_tensor input = penumbra_session_input(session, 0);
  input.count = 1;
  for (size_t i = 0; i < input.rank; ++i) input.count *= (size_t)input.shape[i];
  float* values = calloc(input.count, sizeof(float));
  if (values == NULL) return 1;
  input.values = values;
  penumbra_outputs* outputs = NULL;
  const int bad = failed(penumbra_session_run(session, &input, 1, &outputs));
  free(values);
  if (bad) return 1;
  const penumbra_tensor scores = penumbra_outputs_get(outputs, 0);
  printf("%s:", scores.name);
  for (size_t i = 0; i < scores.count && i < 10; ++i) printf(" %.4f", scores.values[i]);
  printf("\n");
  penumbra_outputs_free(outputs);
  return 0;
}

int main(int argc, char** argv) {
  penumbra_env* env = NULL;
  penumbra_session* session = NULL;
  int result = 1;
  if (argc != 2) {
    fprintf(stderr, "usage: run_zeros BUNDLE\n");
    return 2;
  }
  if (!failed(penumbra_env_create(NULL, NULL, NULL, &env)) &&
      !failed(penumbra_session_load(env, argv[1], NULL, &session))) {
    result = run(session);
  }
  penumbra_session_free(session);
  penumbra_env_free(env);
  return result;
}
