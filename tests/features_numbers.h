/* Made by make_features.py with scikit-learn 1.9.1 and numpy 2.4.6. */
static const int neighbours[] = { 1, 4, 15 };
static const double knn_accuracy[] = { 0.713333333333, 0.723333333333, 0.753333333333 };
static const double probe_accuracy = 0.79;
static const double probe_loss = 0.54962548109;
static const double given_inertia = 2459.02539062;
static const double given_purity = 0.5075;
static const double best_inertia = 2454.2109375;
