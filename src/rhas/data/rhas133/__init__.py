"""RHAS133 as its authors' code reads it: pickles of labels, features as .npy files.

What that code shows: per subset (train, val, test) ``actions_<subset>_rhas.pkl`` holds per sample
a list per frame of class numbers, counted from 0; features of sample i are ``<i>_blip_feat.npy``,
(T, Q, D) of BLIP-2's Q query tokens or (T, D), holistic and partial in two folders; where there
are no partial ones it takes the holistic ones. The random split lists feature files in
``<subset>_files.pkl`` beside ``<subset>_anno.pkl``.

What it does not show, and what is assumed here, strictly: ``person_ref_<subset>_rhas.pkl`` holds
per sample one sentence, or one sentence repeated for every frame; ``frame_ids_<subset>_rhas.pkl``
is loaded there and never used, and is not read here. Which samples are of one movie is unknown, so
every sample becomes a movie of its own with one person. The rate is unknown too: 3,000 frames last
3.3 minutes, 15 a second. A partial row of zeros is taken as a missing crop.
"""
