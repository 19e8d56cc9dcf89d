/* expect 6: crashed: wrote to y, which is an input
   with: float sum = 0; => float sum = 0; ((float *)y)[0] = 1; */
