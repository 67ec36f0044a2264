// EXPECT_HOST_ERROR(statement, status, words): the statement throws HostError with this status and
// these words in its message.
#ifndef PENUMBRA_HOST_TESTING_EXPECT_ERROR_H_
#define PENUMBRA_HOST_TESTING_EXPECT_ERROR_H_

#include <gtest/gtest.h>

#include <string>

#include "host/error.h"

#define EXPECT_HOST_ERROR(statement, expected_status, words)                               \
  do {                                                                                     \
    try {                                                                                  \
      static_cast<void>(statement);                                                        \
      ADD_FAILURE() << "no error from " #statement;                                        \
    } catch (const ::penumbra::host::HostError& error) {                                   \
      EXPECT_EQ(error.status(), expected_status) << error.what();                          \
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what(); \
    }                                                                                      \
  } while (false)

#endif  // PENUMBRA_HOST_TESTING_EXPECT_ERROR_H_
