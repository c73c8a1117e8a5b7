#pragma once
// ASSERT stays on in release: an auditor that goes on in a corrupt state lies. Never for outside input.

#include <cstdio>
#include <cstdlib>

#define ASSERT(condition)                                                                          \
  do {                                                                                             \
    if (!(condition)) [[unlikely]] {                                                               \
      std::fprintf(stderr, "BUG: %s:%d: %s\n", __FILE__, __LINE__, #condition);                    \
      std::abort();                                                                                \
    }                                                                                              \
  } while (false)
