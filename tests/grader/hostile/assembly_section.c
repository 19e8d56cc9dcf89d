/* expect: not allowed: contains assembly
   gcc copies the name of a section as it stands, with its line breaks. */
__attribute__((section(".rodata\nstolen: .INCBIN \"/etc/passwd\"\n#"))) char k[3] = "a";
