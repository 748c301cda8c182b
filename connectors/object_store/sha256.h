// SHA-256 of bytes that come one after the other.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_SHA256_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_SHA256_H_

#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace forebay {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::string_view bytes);
  // Lower-case hexadecimal digits. Once.
  std::string Finish();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_SHA256_H_
