// What AF_XDP can do at most: one constant frame, again and again, with nothing around it.
// bare-xdp INTERFACE DESTINATION-MAC, until it is ended; see transmit.sh.

#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { FRAMES = 2048, CHUNK = 2048, BATCH = 64 };

static void must(int good, const char *what) {
    if (!good) {
        perror(what);
        exit(1);
    }
}

// An Ethernet, an IPv4 and a TCP header; the checksums are those of a SYN from 172.16.1.1.
static uint8_t frame[54] = {
    0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 8, 0,
    0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0x26, 0x6a, 172, 16, 1, 1, 10, 0, 0, 1,
    0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0x63, 0xd2, 0, 0,
};

int main(int count, char **words) {
    must(count == 3, "usage: bare-xdp INTERFACE DESTINATION-MAC");
    must(sscanf(words[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", frame, frame + 1, frame + 2, frame + 3,
                frame + 4, frame + 5) == 6, "read the address");
    int fd = socket(AF_XDP, SOCK_RAW, 0), size = FRAMES, room = 4 << 20;
    must(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    uint8_t *memory = mmap(0, (size_t)FRAMES * CHUNK, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    struct xdp_umem_reg request = {.addr = (uintptr_t)memory, .len = FRAMES * CHUNK,
                                   .chunk_size = CHUNK};
    must(memory != MAP_FAILED, "mmap");
    must(!setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &request, sizeof request), "XDP_UMEM_REG");
    must(!setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &size, sizeof size), "fill ring");
    must(!setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &size, sizeof size), "completion ring");
    must(!setsockopt(fd, SOL_XDP, XDP_TX_RING, &size, sizeof size), "send ring");
    struct xdp_mmap_offsets at;
    socklen_t length = sizeof at;
    must(!getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &length), "XDP_MMAP_OFFSETS");
    int access = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
    uint8_t *tx = mmap(0, at.tx.desc + FRAMES * sizeof(struct xdp_desc), access, flags, fd,
                       XDP_PGOFF_TX_RING);
    uint8_t *done = mmap(0, at.cr.desc + FRAMES * 8, access, flags, fd,
                         XDP_UMEM_PGOFF_COMPLETION_RING);
    must(tx != MAP_FAILED && done != MAP_FAILED, "mmap of the rings");
    struct sockaddr_xdp address = {.sxdp_family = AF_XDP, .sxdp_ifindex = if_nametoindex(words[1]),
                                   .sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};
    must(!bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    for (int i = 0; i < FRAMES; i++)
        memcpy(memory + (size_t)i * CHUNK, frame, sizeof frame);
    uint32_t *produced = (void *)(tx + at.tx.producer), *consumed = (void *)(tx + at.tx.consumer);
    uint32_t *returned = (void *)(done + at.cr.producer), *taken = (void *)(done + at.cr.consumer);
    struct xdp_desc *entries = (void *)(tx + at.tx.desc);
    for (uint32_t sent = 0;;) {
        // Frames come back in no order that matters: all hold the same.
        uint32_t back = __atomic_load_n(returned, __ATOMIC_ACQUIRE);
        __atomic_store_n(taken, back, __ATOMIC_RELEASE);
        if (sent - back + BATCH <= FRAMES) {
            for (int i = 0; i < BATCH; i++, sent++)
                entries[sent % FRAMES] = (struct xdp_desc){
                    .addr = (uint64_t)(sent % FRAMES) * CHUNK, .len = sizeof frame};
            __atomic_store_n(produced, sent, __ATOMIC_RELEASE);
        }
        do
            sendto(fd, 0, 0, MSG_DONTWAIT, 0, 0);
        while (__atomic_load_n(consumed, __ATOMIC_ACQUIRE) != sent);
    }
}
