/* test_fs.c - the file system seam, on a real file system. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "support/fault_fs.h"
#include "support/tmp_dir.h"

Test(fs, writes_in_parts_read_back_as_one_piece)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    char a[] = "hello ", b[] = "", c[] = "world", got[16];
    struct iovec parts[] = { { a, 6 }, { b, 0 }, { c, 5 } };
    struct fs_file file;
    size_t n;

    tmp_dir_path(&dir, path, "f");
    cr_assert_eq(fs_open(&file, path, FS_CREATE_NEW, NULL), 0);
    cr_expect_eq(fs_write_at(&file, parts, 3, 4, &n, NULL), 0);
    cr_expect_eq(n, 11);
    cr_expect_eq(fs_read_at(&file, got, sizeof got, 4, &n, NULL), 0);
    cr_expect_eq(n, 11);
    cr_expect_arr_eq(got, "hello world", 11);
    fs_close(&file);
    tmp_dir_remove(&dir);
}

Test(fs, a_write_over_the_limit_says_how_far_it_came)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    static char block[8192];
    struct iovec part = { block, sizeof block };
    struct rlimit limit = { 5000, RLIM_INFINITY };
    struct fs_file file;
    struct err e = { 0 };
    size_t n;

    tmp_dir_path(&dir, path, "f");
    cr_assert_eq(fs_open(&file, path, FS_CREATE_NEW, NULL), 0);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_eq(fs_write_at(&file, &part, 1, 0, &n, &e), -1);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_expect_eq(n, 5000);
    cr_expect_eq(e.sys_errno, EFBIG);
    cr_expect_not_null(strstr(e.text, "f@5000: "), "%s", e.text);
    fs_close(&file);
    tmp_dir_remove(&dir);
}

Test(fs, links_folders_and_pipes_are_not_opened_as_files)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    struct fs_file file;
    struct err e;

    tmp_dir_path(&dir, path, "link");
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    cr_expect_eq(fs_open(&file, path, FS_READ, &e), -1);
    cr_expect_not_null(strstr(e.text, "symbolic link"), "%s", e.text);
    tmp_dir_path(&dir, path, "pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(fs_open(&file, path, FS_READ, &e), -1);
    cr_expect_not_null(strstr(e.text, "not a regular file"), "%s", e.text);
    cr_expect_eq(fs_open(&file, dir.path, FS_READ, &e), -1);
    cr_expect_eq(file.fd, -1);
    tmp_dir_remove(&dir);
}

/* Nobody writes into it, so opening it could wait for ever. */
Test(fs, a_pipe_is_not_read_as_a_file, .timeout = 10)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], *text;
    struct err e;
    size_t n;

    tmp_dir_path(&dir, path, "pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(fs_read_all(path, 100, &text, &n, &e), -1);
    cr_expect_not_null(strstr(e.text, "not a regular file"), "%s", e.text);
    tmp_dir_remove(&dir);
}

Test(fs, an_existing_file_is_never_created_over)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    struct fs_file file, again;

    tmp_dir_path(&dir, path, "f");
    cr_assert_eq(fs_open(&file, path, FS_CREATE_NEW, NULL), 0);
    cr_expect_eq(fs_open(&again, path, FS_CREATE_NEW, NULL), -1);
    fs_close(&file);
    tmp_dir_remove(&dir);
}

Test(fs, a_lock_is_seen_by_others_and_asking_does_not_take_it)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    struct fs_file lock, second;
    struct err e;

    tmp_dir_path(&dir, path, "lock");
    cr_expect_not(fs_is_locked(path));
    cr_assert_eq(fs_lock(&lock, path, NULL), 0);
    cr_expect(fs_is_locked(path));
    cr_expect_eq(fs_lock(&second, path, &e), -1);
    cr_expect_eq(e.code, ERR_BUSY);
    fs_close(&lock);
    cr_expect_not(fs_is_locked(path));
    cr_expect_eq(fs_lock(&lock, path, NULL), 0);
    fs_close(&lock);
    tmp_dir_remove(&dir);
}

Test(fs, a_lock_ends_with_its_process)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    struct fs_file lock;
    pid_t child;

    tmp_dir_path(&dir, path, "lock");
    child = fork();
    if (child == 0)
        _exit(fs_lock(&lock, path, NULL) == 0 ? 0 : 1);
    cr_assert_gt(child, 0);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    cr_expect_eq(fs_lock(&lock, path, NULL), 0);
    fs_close(&lock);
    tmp_dir_remove(&dir);
}

Test(fs, lists_in_order_and_makes_parents)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    struct fs_list list;

    tmp_dir_path(&dir, path, "c/d/e");
    cr_expect_eq(fs_make_dirs(path, NULL), 0);
    cr_expect_eq(fs_make_dirs(path, NULL), 0);
    tmp_dir_path(&dir, path, "a");
    cr_expect_eq(fs_make_dirs(path, NULL), 0);
    cr_assert_eq(fs_list(dir.path, &list, NULL), 0);
    cr_expect_eq(list.count, 2);
    cr_expect_str_eq(list.names[0], "a");
    cr_expect_str_eq(list.names[1], "c");
    fs_list_free(&list);
    tmp_dir_path(&dir, path, "nowhere");
    cr_expect_eq(fs_list(path, &list, NULL), -1);
    fs_list_free(&list);
    tmp_dir_remove(&dir);
}

Test(fs, read_all_respects_its_limit)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES];
    char *text;
    size_t n;
    struct err e;

    tmp_dir_write(&dir, "f", "12345");
    tmp_dir_path(&dir, path, "f");
    cr_expect_eq(fs_read_all(path, 4, &text, &n, &e), -1);
    cr_expect_eq(e.code, ERR_INPUT);
    cr_assert_eq(fs_read_all(path, 5, &text, &n, &e), 0);
    cr_expect_str_eq(text, "12345");
    free(text);
    cr_expect_eq(fs_read_all(dir.path, 5, &text, &n, &e), -1);
    tmp_dir_remove(&dir);
}

/* A file system that is always interrupted is one that fails: no call may spin on it. */
Test(fs, interrupted_for_ever_is_a_failure, .timeout = 10)
{
    struct tmp_dir dir = tmp_dir_make();
    char path[TMP_PATH_BYTES], text[] = "x";
    struct iovec iov = { text, 1 };
    struct fs_file file;
    size_t written;

    tmp_dir_path(&dir, path, "f");
    cr_assert_eq(fs_open(&file, path, FS_CREATE_NEW, NULL), 0);
    for (int call = 0; call < FAULT_CALLS; call++)
        fault_fs_set((enum fault_call)call, (struct fault){ NULL, 0, -1, EINTR, 0 });
    cr_expect_eq(fs_write_at(&file, &iov, 1, 0, &written, NULL), -1);
    cr_expect_eq(fs_sync_data(&file, NULL), -1);
    cr_expect_eq(fs_sync_dir(dir.path, NULL), -1);
    cr_expect_eq(fs_reserve(&file, 0, 4096, NULL), -1);
    cr_expect_eq(fs_truncate(&file, 0, NULL), -1);
    for (int call = 0; call < FAULT_CALLS; call++)
        fault_fs_set((enum fault_call)call, (struct fault){ NULL, 0, 3, EINTR, 0 });
    cr_expect_eq(fs_write_at(&file, &iov, 1, 0, &written, NULL), 0, "a few times is normal");
    cr_expect_eq(fs_sync_data(&file, NULL), 0);
    cr_expect_eq(fs_truncate(&file, 0, NULL), 0);
    fault_fs_clear();
    fs_close(&file);
    tmp_dir_remove(&dir);
}
