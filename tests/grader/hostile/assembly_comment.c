/* expect: not allowed: contains assembly
   A quotation mark in a comment, so that the directive seems to stand in a string. */
__attribute__((section(".rodata\n\t.ascii /* \" */ ; .incbin \"/etc/passwd\"\n#"))) char k[3] = "a";
