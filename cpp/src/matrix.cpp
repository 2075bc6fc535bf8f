#include "matfact/matrix.hpp"

#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace matfact::detail {

void* allocate(std::size_t bytes)
{
    constexpr std::size_t alignment = 64, huge_page = std::size_t{1} << 21;
    // Filling fresh memory page by page costs as much as some of the arithmetic on it.
    const bool huge = bytes >= 2 * huge_page;
    const std::size_t unit = huge ? huge_page : alignment;
    const std::size_t size = (bytes / unit + 1) * unit;
    if (size < bytes)
        throw std::bad_alloc();
#ifdef _WIN32
    void* const data = _aligned_malloc(size, unit);
#else
    void* const data = std::aligned_alloc(unit, size);
#endif
    if (!data)
        throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (huge)
        madvise(data, size, MADV_HUGEPAGE);
#endif
    return data;
}

void give_back(void* data, std::size_t used, std::size_t bytes) noexcept
{
#ifdef __linux__
    // Whole huge pages, inside of what was allocated.
    constexpr std::size_t page = std::size_t{1} << 21;
    const std::size_t begin = (used + page - 1) / page * page, end = bytes / page * page;
    if (begin < end)
        madvise(static_cast<char*>(data) + begin, end - begin, MADV_DONTNEED);
#else
    (void)data, (void)used, (void)bytes;
#endif
}

void deallocate(void* data) noexcept
{
#ifdef _WIN32
    _aligned_free(data);
#else
    std::free(data);
#endif
}

} // namespace matfact::detail
