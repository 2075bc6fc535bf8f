#include "matfact/moments.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

constexpr unsigned char magic[8] = {'m', 'a', 't', 'f', 'm', 'o', 'm', '\n'};
constexpr std::uint64_t version = 1;
constexpr std::size_t header_bytes = 32, checksum_bytes = 8;

/// Bytes of the whole: header, mean, lower triangle of the scatter, checksum.
constexpr std::size_t size_for(std::size_t n_cols)
{
    return header_bytes + 8 * n_cols + 8 * (n_cols * (n_cols + 1) / 2) + checksum_bytes;
}

/// FNV-1a: two messages of one length that differ in a single byte never share it.
std::uint64_t checksum(const std::byte* data, std::size_t size)
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (std::size_t i = 0; i < size; ++i)
        hash = (hash ^ static_cast<std::uint64_t>(data[i])) * 0x100000001b3U;
    return hash;
}

class Writer {
public:
    explicit Writer(std::byte* out) : out_(out) {}
    void word(std::uint64_t value)
    {
        for (int shift = 0; shift < 64; shift += 8)
            *out_++ = static_cast<std::byte>(value >> shift & 0xff);
    }
    void number(double value)
    {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        word(bits);
    }

private:
    std::byte* out_;
};

class Reader {
public:
    explicit Reader(const std::byte* in) : in_(in) {}
    std::uint64_t word()
    {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 8)
            value |= static_cast<std::uint64_t>(*in_++) << shift;
        return value;
    }
    double number()
    {
        const std::uint64_t bits = word();
        double value = 0.0;
        std::memcpy(&value, &bits, sizeof value);
        if (!std::isfinite(value))
            throw std::invalid_argument("the bytes of moments hold a number that is not finite");
        return value;
    }

private:
    const std::byte* in_;
};

} // namespace

std::vector<std::byte> to_bytes(const Moments& moments)
{
    const Index d = moments.n_cols();
    std::vector<std::byte> bytes(size_for(static_cast<std::size_t>(d)));
    std::memcpy(bytes.data(), magic, sizeof magic);
    Writer writer(bytes.data() + sizeof magic);
    writer.word(version);
    writer.word(static_cast<std::uint64_t>(d));
    writer.number(moments.n_samples);
    for (const double value : moments.mean)
        writer.number(value);
    for (Index i = 0; i < d; ++i)
        for (Index j = 0; j <= i; ++j)
            writer.number(moments.scatter(i, j));
    writer.word(checksum(bytes.data(), bytes.size() - checksum_bytes));
    return bytes;
}

Moments moments_from_bytes(const std::byte* data, std::size_t size)
{
    if (size < size_for(0) || std::memcmp(data, magic, sizeof magic) != 0)
        throw std::invalid_argument("these bytes are no moments: they do not begin as to_bytes writes them");
    Reader reader(data + sizeof magic);
    if (const std::uint64_t found = reader.word(); found != version)
        throw std::invalid_argument("moments of format version " + std::to_string(found) +
                                    " cannot be read: this matfact knows version " + std::to_string(version));
    const std::uint64_t n_cols = reader.word();
    // The first bound keeps the second from overflowing.
    if (n_cols > size || n_cols > 0x7fffffffU || size != size_for(static_cast<std::size_t>(n_cols)))
        throw std::invalid_argument("the bytes of moments are cut short or too long: " + std::to_string(n_cols) +
                                    " features do not fit " + std::to_string(size) + " bytes");
    if (Reader(data + size - checksum_bytes).word() != checksum(data, size - checksum_bytes))
        throw std::invalid_argument("the bytes of moments are damaged: their checksum does not match");
    const auto d = static_cast<Index>(n_cols);
    Moments moments;
    moments.n_samples = reader.number();
    moments.mean.resize(static_cast<std::size_t>(n_cols));
    for (double& value : moments.mean)
        value = reader.number();
    moments.scatter = Matrix<double>(d, d);
    bool possible = moments.n_samples >= 0.0 && (d > 0 || moments.n_samples == 0.0);
    for (Index i = 0; i < d; ++i) {
        for (Index j = 0; j <= i; ++j)
            moments.scatter(i, j) = moments.scatter(j, i) = reader.number();
        possible = possible && moments.scatter(i, i) >= 0.0;
    }
    if (!possible)
        throw std::invalid_argument("the bytes of moments hold a negative variance or number of rows");
    return moments;
}

} // namespace matfact
