#pragma once
// Memory for large tables that are read at random.

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace waybill {

/// An allocator that asks the kernel for huge pages (madvise(2), MADV_HUGEPAGE) where it gives many bytes at
/// once: a table of many MiB then needs a few entries of the processor's page table cache instead of
/// thousands. Without such pages it is plain memory.
template <class T>
struct HugePages {
  using value_type = T;
  static constexpr size_t kPage = size_t{2} << 20;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kPage) return static_cast<T*>(::operator new(bytes));
    void* memory = ::operator new (bytes, std::align_val_t{kPage});
    ::madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    if (count * sizeof(T) < kPage) return ::operator delete(memory);
    ::operator delete (memory, std::align_val_t{kPage});
  }
  bool operator==(const HugePages&) const { return true; }
};

}  // namespace waybill
