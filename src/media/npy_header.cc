#include "media/npy_header.h"

#include "media/error.h"

namespace penumbra::media {
namespace {

class Parser {
 public:
  Parser(std::string_view text, uint64_t base) : text_(text), base_(base) {}

  NpyHeader Parse() {
    NpyHeader header;
    bool seen[3] = {};
    Expect('{');
    while (!Accept('}')) {
      const std::string key = String();
      Expect(':');
      bool& known = seen[KeyIndex(key)];
      if (known) Fail("key '" + key + "' appears twice");
      known = true;
      if (key == "descr") header.descr = Descr();
      if (key == "fortran_order") header.fortran_order = Bool();
      if (key == "shape") header.shape = Tuple();
      if (!Accept(',')) {
        Expect('}');
        break;
      }
    }
    SkipSpace();
    if (position_ != text_.size()) Fail("text after the dictionary");
    if (!seen[0] || !seen[1] || !seen[2]) Fail("'descr', 'fortran_order' or 'shape' is missing");
    return header;
  }

 private:
  [[noreturn]] void Fail(const std::string& what, Status status = Status::kMalformed) const {
    throw MediaError(status, ".npy header: " + what, "offset " + std::to_string(base_ + position_));
  }

  size_t KeyIndex(const std::string& key) const {
    if (key == "descr") return 0;
    if (key == "fortran_order") return 1;
    if (key == "shape") return 2;
    Fail("unknown key");
  }

  void SkipSpace() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n'))
      ++position_;
  }

  bool Accept(char c) {
    SkipSpace();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  void Expect(char c) {
    if (!Accept(c)) Fail(std::string("'") + c + "' expected");
  }

  bool AcceptWord(std::string_view word) {
    SkipSpace();
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }

  std::string String() {
    SkipSpace();
    const char quote = position_ < text_.size() ? text_[position_] : '\0';
    if (quote != '\'' && quote != '"') Fail("a quoted string expected");
    const size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) Fail("a string does not end");
    const std::string value(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return value;
  }

  std::string Descr() {
    SkipSpace();
    if (position_ < text_.size() && text_[position_] == '[') {
      Fail("structured arrays are not supported", Status::kUnsupported);
    }
    return String();
  }

  bool Bool() {
    if (AcceptWord("True")) return true;
    if (AcceptWord("False")) return false;
    Fail("True or False expected");
  }

  std::vector<uint64_t> Tuple() {
    std::vector<uint64_t> values;
    Expect('(');
    while (!Accept(')')) {
      values.push_back(Number());
      if (!Accept(',')) {
        Expect(')');
        break;
      }
    }
    return values;
  }

  uint64_t Number() {
    SkipSpace();
    const size_t start = position_;
    uint64_t value = 0;
    while (position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9') {
      const uint64_t digit = static_cast<uint64_t>(text_[position_] - '0');
      if (value > (UINT64_MAX - digit) / 10) Fail("a number is too large");
      value = value * 10 + digit;
      ++position_;
    }
    if (position_ == start) Fail("a natural number expected");
    if (position_ < text_.size() && text_[position_] == 'L') ++position_;  // written by Python 2
    return value;
  }

  std::string_view text_;
  uint64_t base_;
  size_t position_ = 0;
};

}  // namespace

NpyHeader ParseNpyHeader(std::string_view text, uint64_t base) {
  return Parser(text, base).Parse();
}

}  // namespace penumbra::media
