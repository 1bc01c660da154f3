
/*
 * Feeds files to a fuzz target, for compilers without libFuzzer: every
 * argument is a file, or a folder of files.  Each is given with its end at
 * the end of a malloc()ed block, where the sanitizer watches.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path);
static int replay_file(const char *path, size_t size);


static int  replayed;


int
main(int argc, char **argv)
{
    int  i, rc;

    rc = 0;

    for (i = 1; i < argc; i++) {
        rc |= replay(argv[i]);
    }

    printf("replayed %d\n", replayed);

    return rc;
}


static int
replay(const char *path)
{
    int             rc;
    DIR            *dir;
    char            name[4096];
    struct stat     st;
    struct dirent  *de;

    if (stat(path, &st) == -1) {
        perror(path);
        return 1;
    }

    if (!S_ISDIR(st.st_mode)) {
        return replay_file(path, (size_t) st.st_size);
    }

    dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return 1;
    }

    rc = 0;

    while ((de = readdir(dir)) != NULL) {
        if (de->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, de->d_name);
            rc |= replay(name);
        }
    }

    closedir(dir);

    return rc;
}


static int
replay_file(const char *path, size_t size)
{
    FILE     *f;
    size_t    n;
    uint8_t  *data;

    /* the name is what one wants to know when the target aborts */
    fprintf(stderr, "%s\n", path);

    f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }

    data = malloc(size ? size : 1);
    if (data == NULL) {
        fclose(f);
        return 1;
    }

    n = fread(data, 1, size, f);
    fclose(f);

    LLVMFuzzerTestOneInput(data, n);
    replayed++;

    free(data);

    return 0;
}
