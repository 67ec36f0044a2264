# What ../CMakeLists.txt wants from a backend: its sources, its own tests, the libraries both need.
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
set(crypto_backend_sources
    openssl/cipher.cc openssl/counter_mode.cc openssl/hash.cc openssl/key_agreement.cc
    openssl/library.cc openssl/random.cc openssl/raw_key.cc openssl/sign.cc)
set(crypto_backend_tests openssl/library_test.cc openssl/memory_test.cc)
set(crypto_backend_libraries OpenSSL::Crypto)

# Signing inside a loaded model may not allocate (docs/decisions/0010).
find_library(PENUMBRA_SODIUM sodium REQUIRED)
list(APPEND crypto_backend_sources sodium/sign.cc)
list(APPEND crypto_backend_libraries ${PENUMBRA_SODIUM})

# aead.h and keystream.h have a second implementation, twice as fast on x86-64 (docs/decisions/0007).
set(default_bulk openssl)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(default_bulk ipsec_mb)
endif()
set(PENUMBRA_BULK_CIPHER ${default_bulk} CACHE STRING
    "Folder of src/crypto that supplies aead.h and keystream.h; exactly one is linked")
if(PENUMBRA_BULK_CIPHER STREQUAL "ipsec_mb")
  find_library(PENUMBRA_IPSEC_MB IPSec_MB REQUIRED)
  list(APPEND crypto_backend_sources
       ipsec_mb/aead.cc ipsec_mb/gcm.cc ipsec_mb/keystream.cc ipsec_mb/vaes_counter.cc)
  set_source_files_properties(ipsec_mb/vaes_counter.cc PROPERTIES COMPILE_OPTIONS
    "-O3;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-maes;-mvaes;$<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
  list(APPEND crypto_backend_tests ipsec_mb/gcm_test.cc ipsec_mb/keystream_test.cc)
  list(APPEND crypto_backend_libraries ${PENUMBRA_IPSEC_MB})
else()
  list(APPEND crypto_backend_sources openssl/aead.cc openssl/keystream.cc)
endif()
