#include "host/utf8.h"

#include <gtest/gtest.h>

#include <string_view>

namespace penumbra::host {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, AcceptsShortestForms) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain\n"));
  EXPECT_TRUE(
      IsUtf8("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
}

TEST(Utf8, RefusesEverythingElse) {
  for (const std::string_view bad :
       {"\x80"sv, "\xc2"sv, "\xc2\x20"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv,
        "\xed\xa0\x80"sv, "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf8\x88\x80\x80\x80"sv,
        "\xff"sv, "a\xe2\x82"sv}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad.size();
    EXPECT_FALSE(IsPrintableUtf8(bad)) << bad.size();
  }
}

TEST(Utf8, PrintableExcludesControls) {
  EXPECT_TRUE(IsPrintableUtf8("ResNet-44 \xc3\xa9"));
  for (const std::string_view bad : {"\n"sv, "\0"sv, "\x1b[0m"sv, "\x7f"sv, "\xc2\x9b"sv}) {
    EXPECT_TRUE(IsUtf8(bad));
    EXPECT_FALSE(IsPrintableUtf8(bad));
  }
}

}  // namespace
}  // namespace penumbra::host
