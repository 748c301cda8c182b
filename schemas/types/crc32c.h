// CRC-32C (Castagnoli), as in iSCSI, RocksDB and Kafka: Crc32c("123456789") is 0xE3069283.
#ifndef FOREBAY_SCHEMAS_TYPES_CRC32C_H_
#define FOREBAY_SCHEMAS_TYPES_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace forebay {

// Of the bytes that gave `crc` followed by `bytes`.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view bytes);

inline uint32_t Crc32c(std::string_view bytes) { return ExtendCrc32c(0, bytes); }

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_CRC32C_H_
