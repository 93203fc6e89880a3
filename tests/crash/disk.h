/*
 * disk.h - what would be on the disk if the machine lost power now, according to a recording.
 *
 * Rules of the imagined file system: what was synced is there. Each write after that may be there,
 * be lost, or be there in some of its sectors of 512 or 4096 bytes; reserving and cutting may or
 * may not have happened. A new name, a rename or a removal is sure when its folder was synced; of
 * the others any may be lost while later ones are done, and syncing a file does not keep its name.
 */
#ifndef CRUMB_TESTS_DISK_H
#define CRUMB_TESTS_DISK_H

#include "crash/shim.h"

struct disk;

/* root: the folder that the recording is about. It is on the disk and empty. */
struct disk *disk_new(const struct shim *recording, const char *root);
void disk_free(struct disk *disk);

/* Takes the next entry of the recording. */
void disk_step(struct disk *disk, uint32_t entry);

/* Makes a folder `to` as it might be found after a power cut now; lrand48 chooses. Returns how many
 * things that were not synced it had to choose about. */
unsigned disk_lose_power(const struct disk *disk, const char *to);

#endif
