/* Dissect, print and craft TCP/IP packets. Made by cbindgen from capi/src/lib.rs. */

#ifndef TCPEXPOSURE_H
#define TCPEXPOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A TCP segment with its IP header. Numbers are in the machine's own byte order; places are
 * offsets in bytes from the IP header on.
 */
typedef struct tcpexposure_segment {
  /**
   * 4 or 6.
   */
  uint8_t version;
  /**
   * Time to live, or hop limit.
   */
  uint8_t ttl;
  /**
   * The source address: 4 or 16 bytes of it count.
   */
  uint8_t source[16];
  /**
   * The destination address: 4 or 16 bytes of it count.
   */
  uint8_t destination[16];
  /**
   * The source port.
   */
  uint16_t source_port;
  /**
   * The destination port.
   */
  uint16_t destination_port;
  /**
   * The sequence number.
   */
  uint32_t seq;
  /**
   * The acknowledgement number.
   */
  uint32_t ack;
  /**
   * Twelve bits: FIN is 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256, and
   * three that are reserved.
   */
  uint16_t flags;
  /**
   * The window, unscaled.
   */
  uint16_t window;
  /**
   * The checksum as it stands.
   */
  uint16_t checksum;
  /**
   * The urgent pointer.
   */
  uint16_t urgent;
  /**
   * Whether the checksum is right: 1 yes, 0 no, -1 where it cannot be told.
   */
  int8_t checksum_ok;
  /**
   * Whether any header is not what it should be.
   */
  bool faulty;
  /**
   * Where the options begin.
   */
  size_t options;
  /**
   * How long they are.
   */
  size_t options_length;
  /**
   * Where the payload begins.
   */
  size_t payload;
  /**
   * How much of it is there.
   */
  size_t payload_length;
} tcpexposure_segment;

/**
 * One TCP option. Places are offsets from the start of the options.
 */
typedef struct tcpexposure_option {
  /**
   * The kind.
   */
  uint8_t kind;
  /**
   * Whether its length cannot be; the data is then all that follows the kind, and this is the
   * last.
   */
  bool malformed;
  /**
   * Where the data begins. The data of the end of the list (kind 0) is what follows it.
   */
  size_t data;
  /**
   * How long it is.
   */
  size_t data_length;
} tcpexposure_option;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Reads the segment in `length` bytes that begin with an IP header. Gives false, and leaves
 * `segment` alone, where no whole TCP header is there.
 *
 * # Safety
 * `bytes` is null or leads to `length` bytes.
 */
bool tcpexposure_dissect(const uint8_t *bytes, size_t length, struct tcpexposure_segment *segment);

/**
 * Gives the option at `*at`, which begins at 0, in `length` bytes of options, and moves `*at`
 * behind it. Gives false when there is no more.
 *
 * # Safety
 * `options` is null or leads to `length` bytes.
 */
bool tcpexposure_next_option(const uint8_t *options,
                             size_t length,
                             size_t *at,
                             struct tcpexposure_option *option);

/**
 * Writes the packet's line as tcpdump prints it into `text`, cut to `size` bytes of which the last
 * is zero, and gives the length of the whole line.
 *
 * # Safety
 * `bytes` is null or leads to `length` bytes, `text` is null or to room for `size`.
 */
size_t tcpexposure_line(const uint8_t *bytes, size_t length, char *text, size_t size);

/**
 * Crafts the packet that a line describes, in the words of tcpdump and with both ends, as in
 * `IP 192.0.2.1.4000 > 192.0.2.2.80: Flags [S], win 512`. What is not said has its usual value.
 *
 * Gives the packet's length, or 0 and a sentence in `error` when the line is not understood or
 * `size` bytes are too few.
 *
 * # Safety
 * `line` is null or a string that a zero ends, `packet` is null or leads to room for `size` bytes,
 * `error` to room for `error_size`.
 */
size_t tcpexposure_craft(const char *line,
                         uint8_t *packet,
                         size_t size,
                         char *error,
                         size_t error_size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TCPEXPOSURE_H */
