// The options that every socket of Drover's gets. Those of a listening socket are inherited by what it accepts.
#pragma once

namespace drover::net {

// TCP_NODELAY: frames are passed on as they come. TCP_NOTSENT_LOWAT: a slow peer's bytes wait in Drover, where they
// are counted, and not in the kernel. Keepalive: a peer that vanished is noticed after about two minutes.
void set_stream_options(int fd);

}  // namespace drover::net
