// files.c - what zig asks of files and Wine 8 does not know: a lock that reports where it is told, and removal and renaming
// in the way of Windows 10. As x_NAME, which takes the older way.
#include <stddef.h>
#include <stdint.h>

typedef struct Report {
    int32_t status;
    uintptr_t count;
} Report;

enum { RENAME = 10, REMOVE = 13, REMOVE_EX = 64, RENAME_EX = 65 };

#define SYSTEM __declspec(dllimport)
#define EXPORT __declspec(dllexport)

SYSTEM int NtLockFile(void* file, void* event, void* apc, void* user, Report* report, int64_t* at, int64_t* count,
                      uint32_t* key, uint8_t at_once, uint8_t alone);
SYSTEM int NtUnlockFile(void* file, Report* report, int64_t* at, int64_t* count, uint32_t* key);
SYSTEM int NtSetInformationFile(void* file, Report* report, void* data, uint32_t size, uint32_t what);

EXPORT int x_NtLockFile(void* file, void* event, void* apc, void* user, Report* report, int64_t* at, int64_t* count,
                        uint32_t* key, uint8_t at_once, uint8_t alone)
{
    (void)apc, (void)key;
    return report->status = NtLockFile(file, event, NULL, user, NULL, at, count, NULL, at_once, alone);
}

EXPORT int x_NtUnlockFile(void* file, Report* report, int64_t* at, int64_t* count, uint32_t* key)
{
    (void)key;
    return report->status = NtUnlockFile(file, NULL, at, count, NULL);
}

EXPORT int x_NtSetInformationFile(void* file, Report* report, void* data, uint32_t size, uint32_t what)
{
    if (what == REMOVE_EX) { // its number's lowest bit says whether, like the byte of the older one
        uint8_t remove = *(const uint8_t*)data & 1;
        return NtSetInformationFile(file, report, &remove, sizeof(remove), REMOVE);
    }
    if (what == RENAME_EX) { // the same structure, which begins with flags instead of a byte
        *(uint32_t*)data &= 1;
        return NtSetInformationFile(file, report, data, size, RENAME);
    }
    return NtSetInformationFile(file, report, data, size, what);
}
