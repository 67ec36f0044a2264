/* The C interface. Handles are opaque; every function that can fail returns a status object, NULL
 * for success, which the caller releases with penumbra_status_free. No exception crosses this
 * boundary. Strings are UTF-8 and belong to the object they were asked of. One handle is used by
 * one thread at a time; a status belongs to whoever got it. */
#ifndef PENUMBRA_PENUMBRA_C_H_
#define PENUMBRA_PENUMBRA_C_H_

#include <stddef.h>
#include <stdint.h>

#include "penumbra/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Structures start with struct_size, so that later versions can grow them; set it with sizeof. */
#define PENUMBRA_C_API_VERSION 1

typedef struct penumbra_status penumbra_status;
typedef struct penumbra_env penumbra_env;
typedef struct penumbra_session penumbra_session;
typedef struct penumbra_outputs penumbra_outputs;

/* PENUMBRA_C_API_VERSION of the library that is loaded. */
PENUMBRA_API uint32_t penumbra_c_api_version(void);
PENUMBRA_API const char* penumbra_version(void);

/* 301 for P301. `status` may be NULL: 0 and "". */
PENUMBRA_API uint32_t penumbra_status_number(const penumbra_status* status);
PENUMBRA_API const char* penumbra_status_text(const penumbra_status* status);
PENUMBRA_API void penumbra_status_free(penumbra_status* status);

/* level: 0 debug, 1 info, 2 warning, 3 error. Called from any thread; may be NULL. */
typedef void (*penumbra_log)(void* context, int level, const char* line);
/* config_folder: NULL for the user's own. */
PENUMBRA_API penumbra_status* penumbra_env_create(const char* config_folder, penumbra_log log,
                                                  void* log_context, penumbra_env** out_env);
PENUMBRA_API void penumbra_env_free(penumbra_env* env);

/* NULL and 0 mean the defaults of penumbra::ProtectOptions. */
typedef struct {
  size_t struct_size;
  const char* preset;
  const char* calibration_folder;
  const char* preprocess;
  const char* labels_file;
  const char* vendor_key_file; /* private */
  const char* device_key_file; /* public */
  uint64_t secure_memory_size;
  uint64_t model_version;
} penumbra_protect_options;
PENUMBRA_API penumbra_status* penumbra_protect(const penumbra_env* env, const char* model_file,
                                               const char* bundle_file,
                                               const penumbra_protect_options* options);

enum { PENUMBRA_CARRIER_PROCESS = 0, PENUMBRA_CARRIER_DIRECT = 1 };

/* An inference that finds no pad ready; see penumbra::PadPolicy. */
enum { PENUMBRA_PADS_WAIT = 0, PENUMBRA_PADS_REFUSE = 1, PENUMBRA_PADS_INLINE = 2 };
#define PENUMBRA_NO_PAD_BANK UINT64_MAX

/* NULL and 0 mean the defaults of penumbra::SessionOptions. */
typedef struct {
  size_t struct_size;
  int carrier;
  const char* accelerator;
  uint32_t threads;
  uint64_t secure_memory_size;
  const char* vendor_key_file; /* public */
  const char* device_key_file; /* private */
  const char* enclave_binary;
  int pad_policy;
  uint32_t max_in_flight; /* calls under way at once; 0: one */
  uint64_t pad_bank_size; /* bytes; PENUMBRA_NO_PAD_BANK: none */
  uint32_t accelerator_timeout_ms; /* of one job */
  const char* durable_pads; /* folder; NULL: pads end with the session */
  uint32_t pad_lease;
} penumbra_session_options;
/* `options` may be NULL. `env` may be released before the session. */
PENUMBRA_API penumbra_status* penumbra_session_load(const penumbra_env* env,
                                                    const char* bundle_file,
                                                    const penumbra_session_options* options,
                                                    penumbra_session** out_session);
PENUMBRA_API void penumbra_session_free(penumbra_session* session);

typedef struct {
  const char* name;
  const int64_t* shape;
  size_t rank;
  const float* values; /* row-major; whole numbers for integer types, 0 and 1 for bool */
  size_t count;        /* elements */
} penumbra_tensor;

/* Names and shapes; `values` is NULL. index < count, else NULL name. */
PENUMBRA_API size_t penumbra_session_input_count(const penumbra_session* session);
PENUMBRA_API penumbra_tensor penumbra_session_input(const penumbra_session* session, size_t index);
PENUMBRA_API size_t penumbra_session_output_count(const penumbra_session* session);
PENUMBRA_API penumbra_tensor penumbra_session_output(const penumbra_session* session, size_t index);
/* The element type the model declares, "float32" or "int64"; index < count, else "". */
PENUMBRA_API const char* penumbra_session_input_type(const penumbra_session* session, size_t index);
PENUMBRA_API const char* penumbra_session_output_type(const penumbra_session* session,
                                                      size_t index);

/* After a run that ended in 601: bytes for the vendor, who alone can read them (penumbra/session.h).
 * NULL and 0 bytes when no reply was refused. The view lives until the next call with the session. */
PENUMBRA_API penumbra_status* penumbra_session_failure_log(penumbra_session* session,
                                                           const uint8_t** out_log,
                                                           size_t* out_size);

PENUMBRA_API penumbra_status* penumbra_session_make_pads(penumbra_session* session, uint32_t count);
PENUMBRA_API penumbra_status* penumbra_session_run(penumbra_session* session,
                                                   const penumbra_tensor* inputs,
                                                   size_t input_count,
                                                   penumbra_outputs** out_outputs);

/* In the order of the model. Views live as long as the object. */
PENUMBRA_API size_t penumbra_outputs_count(const penumbra_outputs* outputs);
PENUMBRA_API penumbra_tensor penumbra_outputs_get(const penumbra_outputs* outputs, size_t index);
/* Releases the receipt, too. */
PENUMBRA_API void penumbra_outputs_free(penumbra_outputs* outputs);

/* As penumbra_session_run, and the trusted half signs what it did (penumbra/receipt.h). nonce: 32
 * bytes of whoever will believe the receipt; NULL: no receipt. */
PENUMBRA_API penumbra_status* penumbra_session_run_with_receipt(penumbra_session* session,
                                                                const penumbra_tensor* inputs,
                                                                size_t input_count,
                                                                const uint8_t* nonce,
                                                                penumbra_outputs** out_outputs);
/* NULL and 0 bytes when none was asked for. The view lives as long as the object. */
PENUMBRA_API const uint8_t* penumbra_outputs_receipt(const penumbra_outputs* outputs,
                                                     size_t* out_size);

/* NULL and 0: not checked. Tensors need bundle_file and are all of the model's inputs or outputs. */
typedef struct {
  size_t struct_size;
  const char* device_key_file; /* public; needed */
  const uint8_t* nonce;        /* 32 bytes */
  const char* bundle_file;
  const char* vendor_key_file; /* public */
  const penumbra_tensor* inputs;
  size_t input_count;
  const penumbra_tensor* outputs;
  size_t output_count;
} penumbra_verify_options;
/* NULL when the receipt holds; else 602 with the reason, or what kept it from being checked. */
PENUMBRA_API penumbra_status* penumbra_verify_receipt(const uint8_t* receipt, size_t size,
                                                      const penumbra_verify_options* options);

#ifdef __cplusplus
}
#endif

#endif /* PENUMBRA_PENUMBRA_C_H_ */
