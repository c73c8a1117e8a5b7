#pragma once
// Decompression as a ByteInput over another one.

#include <memory>
#include <string>

#include "source/byte_input.h"

namespace waybill::source {

/// zlib; about 400 MB/s of output. `name` is for messages.
Result<std::unique_ptr<ByteInput>> make_gzip_input(std::unique_ptr<ByteInput> compressed, std::string name);

/// libzstd; about 1 GB/s of output. Frames that need a window over 128 MiB are refused (kUnsupported).
Result<std::unique_ptr<ByteInput>> make_zstd_input(std::unique_ptr<ByteInput> compressed, std::string name);

}  // namespace waybill::source
