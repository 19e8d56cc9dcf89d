/* expect: not allowed: contains assembly */
__asm__(".section .rodata\nstolen: .incbin \"/etc/passwd\"\n");
