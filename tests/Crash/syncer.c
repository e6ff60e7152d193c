// Writes and syncs a file COUNT times and says how it went: "N synced", or "N synced, then errno E". Proves slowsync.c.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **values) {
    if (count != 3)
        return 2;
    int fd = open(values[1], O_CREAT | O_TRUNC | O_WRONLY, 0600), synced = 0;
    for (int i = 0; i < atoi(values[2]); i++) {
        if (pwrite(fd, "12345678", 8, i * 8L) != 8)
            return 3;
        if ((i % 2 ? fsync(fd) : fdatasync(fd)) != 0) {
            printf("%d synced, then errno %d\n", synced, errno);
            return 1;
        }
        synced++;
    }
    printf("%d synced\n", synced);
    return 0;
}
