// Which close codes may travel on the wire.
#include "websocket/close_code.h"

namespace drover::websocket {

bool may_be_sent(std::uint16_t code) {
  // 1004 is reserved; 1005, 1006 and 1015 stand for what never was on the wire (section 7.4.1). 1012–1014 came later,
  // by the IANA registry.
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace drover::websocket
