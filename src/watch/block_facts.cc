#include "watch/block_facts.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace waybill::watch {
namespace {

void look_at_each(std::string_view block, BlockFacts& facts) {
  for (char c : block) {
    facts.newlines += c == '\n';
    facts.backslash |= c == '\\';
    facts.beyond_ascii |= static_cast<unsigned char>(c) >= 0x80;
  }
}

#if defined(__SSE2__)
__attribute__((target("avx2"))) void look_wide(std::string_view block, BlockFacts& facts, size_t& i) {
  const __m256i newline = _mm256_set1_epi8('\n'), slash = _mm256_set1_epi8('\\'),
                zero = _mm256_setzero_si256();
  __m256i slashes = zero, bits = zero, total = zero;
  while (i + 32 <= block.size()) {
    __m256i counts = zero;  // bytes: at most 255 rounds until they are summed up
    for (int round = 0; round < 255 && i + 32 <= block.size(); ++round, i += 32) {
      __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.data() + i));
      counts = _mm256_sub_epi8(counts, _mm256_cmpeq_epi8(bytes, newline));
      slashes = _mm256_or_si256(slashes, _mm256_cmpeq_epi8(bytes, slash));
      bits = _mm256_or_si256(bits, bytes);
    }
    total = _mm256_add_epi64(total, _mm256_sad_epu8(counts, zero));
  }
  alignas(32) int64_t sums[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), total);
  facts.newlines += sums[0] + sums[1] + sums[2] + sums[3];
  facts.backslash |= _mm256_movemask_epi8(slashes) != 0;
  facts.beyond_ascii |= _mm256_movemask_epi8(bits) != 0;
}

void look_narrow(std::string_view block, BlockFacts& facts, size_t& i) {
  const __m128i newline = _mm_set1_epi8('\n'), slash = _mm_set1_epi8('\\'), zero = _mm_setzero_si128();
  __m128i slashes = zero, bits = zero, total = zero;
  while (i + 16 <= block.size()) {
    __m128i counts = zero;
    for (int round = 0; round < 255 && i + 16 <= block.size(); ++round, i += 16) {
      __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.data() + i));
      counts = _mm_sub_epi8(counts, _mm_cmpeq_epi8(bytes, newline));
      slashes = _mm_or_si128(slashes, _mm_cmpeq_epi8(bytes, slash));
      bits = _mm_or_si128(bits, bytes);
    }
    total = _mm_add_epi64(total, _mm_sad_epu8(counts, zero));
  }
  alignas(16) int64_t sums[2];
  _mm_store_si128(reinterpret_cast<__m128i*>(sums), total);
  facts.newlines += sums[0] + sums[1];
  facts.backslash |= _mm_movemask_epi8(slashes) != 0;
  facts.beyond_ascii |= _mm_movemask_epi8(bits) != 0;
}
#endif

}  // namespace

BlockFacts look_at(std::string_view block) {
  BlockFacts facts;
  size_t i = 0;
#if defined(__SSE2__)
  static const bool kWide = __builtin_cpu_supports("avx2");
  if (kWide) look_wide(block, facts, i);
  look_narrow(block, facts, i);
#endif
  look_at_each(block.substr(i), facts);
  return facts;
}

}  // namespace waybill::watch
