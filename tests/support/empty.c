/* Keeps the library from being empty. */
typedef int ctvk_test_support_empty;
