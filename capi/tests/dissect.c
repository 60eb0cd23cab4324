/* Crafts a SYN, dissects it again and prints what it finds, in forty lines. */
#include "tcpexposure.h"

#include <stdio.h>

static int fail(const char *why)
{
    fprintf(stderr, "dissect: %s\n", why);
    return 1;
}

int main(int count, char **arguments)
{
    const char *line = count > 1 ? arguments[1]
        : "IP 192.0.2.1.4000 > 198.51.100.2.80: Flags [S], seq 7, win 64240, "
          "options [mss 1460,opt 253 0xaabb]";
    uint8_t packet[1500];
    char text[1000];
    size_t length = tcpexposure_craft(line, packet, sizeof packet, text, sizeof text);
    if (length == 0)
        return fail(text);

    struct tcpexposure_segment segment;
    if (!tcpexposure_dissect(packet, length, &segment))
        return fail("no TCP segment");
    printf("IPv%d, %zu bytes, port %d to %d, seq %u, checksum %s\n", segment.version, length,
           segment.source_port, segment.destination_port, (unsigned)segment.seq,
           segment.checksum_ok == 1 ? "right" : "wrong");

    struct tcpexposure_option option;
    const uint8_t *options = packet + segment.options;
    for (size_t at = 0; tcpexposure_next_option(options, segment.options_length, &at, &option);) {
        printf("option %d:", option.kind);
        for (size_t i = 0; i < option.data_length; i++)
            printf(" %02x", options[option.data + i]);
        printf("%s\n", option.malformed ? " (malformed)" : "");
    }
    tcpexposure_line(packet, length, text, sizeof text);
    puts(text);
    return 0;
}
