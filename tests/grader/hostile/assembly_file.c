/* expect: not allowed: contains assembly
   Outside of functions, where clang announces it in other words, and reads the file itself. */
__asm__(".section .rodata\nstolen:\n\t.irp x,bin\n\t.inc\\x \"/etc/passwd\"\n\t.endr\n\t.text\n");
