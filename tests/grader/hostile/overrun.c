/* expect 4: crashed: went past the end of y
   with: for (int i = 0; i < B * D; i++) dy[i] = => for (int i = 0; i < B * D + 1; i++) dy[i] = */
