"""Deep Q-learning on a short corridor: train_on_batch, and a target network."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)

# Places 0 ... 7. Action 1 goes right, action 0 left; the reward waits at place 7.
PLACES, STEPS, DISCOUNT = 8, 20, 0.9


def observed(places):
    """One-hot rows."""
    return np.eye(PLACES, dtype="float32")[places]


def moved(place, action):
    """The next place, the reward, and whether the walk is over."""
    place = min(max(place + (1 if action else -1), 0), PLACES - 1)
    done = place == PLACES - 1
    return place, float(done), done


def network():
    """Values of both actions."""
    model = keras.Sequential(
        [
            keras.layers.Input(shape=(PLACES,)),
            keras.layers.Dense(24, activation="relu"),
            keras.layers.Dense(2, activation="linear"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
    return model


online, target = network(), network()
target.set_weights(online.get_weights())
memory = []
for episode in range(40):
    place = int(rng.integers(0, PLACES - 1))
    for _ in range(STEPS):
        if rng.random() < max(0.1, 1 - episode / 20):
            action = int(rng.integers(0, 2))
        else:
            action = int(np.argmax(online.predict_on_batch(observed([place]))[0]))
        following, reward, done = moved(place, action)
        memory.append((place, action, reward, following, done))
        place = following
        if len(memory) >= 64:
            batch = [memory[i] for i in rng.integers(0, len(memory), 32)]
            places, actions, rewards, followings, ends = map(np.array, zip(*batch, strict=True))
            later = np.asarray(target.predict_on_batch(observed(followings))).max(axis=1)
            wanted = np.array(online.predict_on_batch(observed(places)))
            wanted[np.arange(32), actions] = rewards + DISCOUNT * later * (1 - ends)
            loss = online.train_on_batch(observed(places), wanted)
        if done:
            break
    if episode % 4 == 3:
        target.set_weights(online.get_weights())
values = np.asarray(online.predict_on_batch(observed(np.arange(PLACES - 1))))
result = {
    "right everywhere": bool((values[:, 1] > values[:, 0]).all()),
    "value next to the reward": float(values[-1, 1]),
    "last loss": float(loss),
}

if __name__ == "__main__":
    print(result)
