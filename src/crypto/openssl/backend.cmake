# What ../CMakeLists.txt wants from a backend: its sources, its own tests, the libraries both need.
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
set(crypto_backend_sources
    openssl/aead.cc openssl/cipher.cc openssl/hash.cc openssl/key_agreement.cc openssl/keystream.cc
    openssl/library.cc openssl/random.cc openssl/raw_key.cc openssl/sign.cc)
set(crypto_backend_tests openssl/library_test.cc openssl/memory_test.cc)
set(crypto_backend_libraries OpenSSL::Crypto)
