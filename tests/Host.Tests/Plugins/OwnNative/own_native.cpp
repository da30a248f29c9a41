extern "C" int plumb_own_native_score(int sample) { return 40 + sample; }
