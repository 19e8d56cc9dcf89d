/* expect: not allowed: contains assembly
   The same in the name of a variable, and the directive's own name is put together only by the assembler. */
extern char z __asm__("z\n\t.irp x,bin\n\t.inc\\x \"/etc/passwd\"\n\t.endr\n#");
char *address(void) { return &z; }
