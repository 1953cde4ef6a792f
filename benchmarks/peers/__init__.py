"""The peers, each written anew from its published description: plain torch, torchvision and scikit-learn, no stages."""
